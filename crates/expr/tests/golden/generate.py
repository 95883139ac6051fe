#!/usr/bin/env python3
"""Writes the results into the golden files, as a PostgreSQL 15 server computes them.

usage: generate.py file...        (the server: PGHOST, PGPORT, PGUSER)

A line is `expression => result :: type`, of sets `expression => row;row`, of aggregates.txt `name type {array}...`.
What follows ` => ` is replaced; new lines need none. A line that is not to be replaced begins its result with `!`.
"""
import os, re, subprocess, sys

SETTINGS = "set timezone = 'America/New_York'; set datestyle = iso; set extra_float_digits = 1;"
ORDERED = ("mode", "percentile_cont", "percentile_disc")


def query(kind, source):
    if kind == "aggregates":
        name, *rest = source.split(" ")
        columns = list(zip(rest[::2], rest[1::2]))
        if name in ORDERED:
            direct = [f"('{a}'::{t}[])[1]" for t, a in columns[:-1]]
            ty, array = columns[-1]
            return f"select x, pg_typeof(x) from (select {name}({', '.join(direct)}) within group (order by v) x from unnest('{array}'::{ty}[]) v) q"
        args, unnested = [], []
        longest = max(len(a.split(",")) for _, a in columns)
        for i, (ty, array) in enumerate(columns):
            if len(array.split(",")) == 1 and longest > 1:
                args.append(f"('{array}'::{ty}[])[1]")
            else:
                args.append(f"c{i}")
                unnested.append((f"'{array}'::{ty}[]", f"c{i}"))
        source = "unnest(" + ", ".join(a for a, _ in unnested) + ") as u(" + ", ".join(c for _, c in unnested) + ")"
        return f"select x, pg_typeof(x) from (select {name}({', '.join(args)}) x from {source}) q"
    if kind == "sets":
        return f"select * from {source}"
    return f"select x, pg_typeof(x) from (select {source} as x) q"


def main():
    for path in sys.argv[1:]:
        kind = os.path.basename(path).removesuffix(".txt")
        lines = open(path).read().split("\n")
        sources = {}
        script = ["\\set VERBOSITY verbose", "\\pset null NULL", "\\pset format unaligned", "\\pset tuples_only on",
                  "\\pset fieldsep ' :: '" if kind != "sets" else "\\pset fieldsep '|'",
                  "\\pset recordsep '\\n@row@\\n'", SETTINGS]
        for number, line in enumerate(lines):
            if not line or line.startswith("#") or " => !" in line:
                continue
            source = line.rsplit(" => ", 1)[0].rstrip()
            sources[number] = source
            script += [f"\\echo @@{number}", query(kind, source) + ";"]
        result = subprocess.run(["psql", "-X", "-q"], input="\n".join(script) + "\n", text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
        for part in result.split("@@")[1:]:
            number, _, body = part.partition("\n")
            body = body.removesuffix("\n").removesuffix("@row@").removesuffix("\n")
            error = re.search(r"(?:ERROR|FATAL):  (\w{5}): (.*?)(?:\n(?:LINE|DETAIL|HINT|LOCATION|CONTEXT|QUERY)|\Z)", body, re.S)
            if error:
                shown = f"ERROR {error[1]} {error[2]}"
            else:
                shown = ";".join(body.split("\n@row@\n"))
            number = int(number)
            lines[number] = f"{sources[number]} => " + shown.replace("\n", "\\n")
        open(path, "w").write("\n".join(lines))


main()
