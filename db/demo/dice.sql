-- Reproducible random numbers: the same setting demo.seed, topic and id give the same result on every release and host.
-- The functions exist for the session only.

create function pg_temp.dice(topic text, id bigint, sides bigint) returns bigint
language sql stable
as $$
  select (hashtextextended(topic || id::text, current_setting('demo.seed')::bigint) & 9223372036854775807)
    % greatest(sides, 1)
$$;

create function pg_temp.pick(topic text, id bigint, options anyarray) returns anyelement
language sql stable
as $$
  select options[1 + pg_temp.dice(topic, id, cardinality(options))]
$$;

-- The first options often, the last one rarely.
create function pg_temp.favour(topic text, id bigint, options anyarray) returns anyelement
language sql stable
as $$
  select options[1 + least(
    pg_temp.dice(topic, id, cardinality(options)),
    pg_temp.dice(topic || ' again', id, cardinality(options)),
    pg_temp.dice(topic || ' once more', id, cardinality(options))
  )]
$$;

create function pg_temp.micros(count bigint) returns interval
language sql immutable
as $$
  select count * interval '1 microsecond'
$$;

create function pg_temp.first_name(topic text, id bigint) returns text
language sql stable
as $$
  select pg_temp.pick(topic || ' first', id, array[
    'Ana', 'Beatriz', 'Bruno', 'Caio', 'Camila', 'Carla', 'Daniel', 'Davi', 'Eduarda', 'Elaine', 'Fabiana', 'Felipe',
    'Fernanda', 'Gabriel', 'Guilherme', 'Helena', 'Heitor', 'Isabela', 'Jéssica', 'João', 'José', 'Juliana', 'Larissa',
    'Letícia', 'Lucas', 'Luís', 'Marcelo', 'Mariana', 'Mônica', 'Natália', 'Otávio', 'Patrícia', 'Paulo', 'Rafael',
    'Renata', 'Rodrigo', 'Sérgio', 'Sofia', 'Thaís', 'Vinícius'
  ])
$$;

create function pg_temp.last_name(topic text, id bigint) returns text
language sql stable
as $$
  select pg_temp.pick(topic || ' last', id, array[
    'Almeida', 'Andrade', 'Araújo', 'Barbosa', 'Batista', 'Cardoso', 'Carvalho', 'Conceição', 'Costa', 'Dias', 'Ferreira',
    'Freitas', 'Gonçalves', 'Gomes', 'Lima', 'Lopes', 'Magalhães', 'Martins', 'Melo', 'Moreira', 'Nascimento', 'Oliveira',
    'Pereira', 'Ribeiro', 'Rocha', 'Santos', 'Silva', 'Souza', 'Teixeira', 'Vieira'
  ])
$$;

create function pg_temp.mailbox(name text) returns text
language sql immutable
as $$
  select lower(translate(name, ' áâãçéêíóôõúÁÉ', '.aaaceeiooouAE') collate "C")
$$;
