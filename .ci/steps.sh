# For scripts that take one step after the other, whatever became of the one before, and end with `N passed, M failed`.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0
failed=0

# step <name> <command...>: prints one line, and the output of a command that failed.
step() {
  local name=$1 started=$SECONDS result
  shift
  if "$@" >"$scratch/output" 2>&1 </dev/null; then
    result=passed passed=$((passed + 1))
  else
    result=failed failed=$((failed + 1))
  fi
  printf '%-34s %-7s %4d s\n' "$name" "$result" $((SECONDS - started))
  [ "$result" = passed ] || sed 's/^/    /' "$scratch/output"
}

# The last line of the script.
finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}

# PgBouncer for the tests of poolers, where the machine does not have it.
install_pooler() {
  PATH=$PATH:/usr/sbin command -v pgbouncer && return
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update &&
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y --no-install-recommends pgbouncer
}

# Readers of lakes, a store that speaks the protocol of S3, and Java and Maven for one of them, where the machine does not have them.
install_readers() {
  local wanted=() as_root=()
  python3 -c 'import venv, ensurepip' || wanted+=(python3-venv)
  command -v java || wanted+=(openjdk-17-jre-headless)
  command -v mvn || wanted+=(maven)
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  if [ ${#wanted[@]} -gt 0 ]; then
    "${as_root[@]}" apt-get update &&
      DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y --no-install-recommends "${wanted[@]}" || return
  fi
  test/readers/install
}
