import type { Command } from 'commander'

/** How to reach a bucket. */
export interface StorageFlags {
  readonly endpoint?: string
  readonly region?: string
  readonly pathStyle?: true
}

export function addStorageOptions(command: Command): Command {
  return command
    .optionsGroup('Bucket:')
    .option('--endpoint <url>', 'of a store that speaks S3 and is not AWS')
    .option('--region <name>', 'region of the bucket')
    .option('--path-style', 'the bucket is in the path of its URLs')
}

/** Parses names and adds them to the earlier ones: `--without a b`, `--without a,b`, or the option twice. */
export function names(text: string, earlier: readonly string[] = []): readonly string[] {
  const given = text.split(',').map((name) => name.trim())
  return [...earlier, ...given.filter((name) => name !== '')]
}
