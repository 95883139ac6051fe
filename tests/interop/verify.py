"""A second verifier of row proofs, from docs/proofs.md alone: Python's standard library, nothing of ours.

    python3 verify.py DIR

DIR holds `key` (a verifier key), `database` (hex) and `*.proof`. Every proof must verify; what they say is printed as
JSON, for the caller to compare. The signature is checked where the package `cryptography` is installed.
"""
import base64, hashlib, json, pathlib, struct, sys

try:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None


def H(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def u32(number):
    return struct.pack(">I", number)


def v32(data):
    return u32(len(data)) + data


def demand(condition, reason):
    if not condition:
        raise SystemExit("REJECTED: " + reason)


class Reader:
    def __init__(self, data):
        self.data = data

    def take(self, length):
        demand(length <= len(self.data), "too short")
        taken, self.data = self.data[:length], self.data[length:]
        return taken

    def number(self, length):
        return int.from_bytes(self.take(length), "big")

    def variable(self):
        return self.take(self.number(4))

    def path(self):
        return [self.take(32) for _ in range(self.number(1))]


def root_of(leaf, index, size, path):
    """RFC 9162 2.1.3.2."""
    demand(index < size, "index")
    node, last, hash = index, size - 1, leaf
    for sibling in path:
        demand(last != 0, "path too long")
        if node & 1 or node == last:
            hash = H(b"\1", sibling, hash)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            hash = H(b"\1", hash, sibling)
        node, last = node >> 1, last >> 1
    demand(last == 0, "path too short")
    return hash


def link(reader, path, size, root, database):
    T = reader.take(112)
    tag, version, flags, db, tx_id, time, count, entries_root, meta_commit = struct.unpack(">8sHH16sQqI32s32s", T)
    demand((tag, version, flags & ~1, db) == (b"stele1tx", 1, 0, database), "transaction record")
    demand(root_of(H(b"\0", T), tx_id, size, path) == root, f"transaction {tx_id} is not in the log")
    fact = {"tx_id": tx_id, "time": time}
    if reader.number(1):
        salt, meta = reader.take(32), reader.variable()
        demand(H(b"stele1md", salt, v32(meta)) == meta_commit, "meta")
        fact["meta"] = meta.hex()
    if reader.number(1):
        E = reader.take(86)
        tag, op, flags, object, prev_tx, key_commit, row_commit = struct.unpack(">8sBBIQ32s32s", E)
        demand((tag, flags) == (b"stele1en", 0) and op in (1, 2, 3), "entry")
        index = reader.number(4)
        demand(root_of(H(b"\0", E), index, count, reader.path()) == entries_root, "entry is not in the transaction")
        fact |= {"op": op, "object": object, "prev_tx": prev_tx, "key_commit": key_commit.hex()}
        if reader.number(1):
            salt, key = reader.take(16), reader.variable()
            demand(H(b"stele1ky", salt, u32(object), v32(key)) == key_commit, "key")
            fact["key"] = key.hex()
        if op == 3:
            demand(row_commit == bytes(32), "a delete with a row")
        else:
            schema_tx, cells, commits = reader.number(8), {}, b""
            columns = reader.number(2)
            for _ in range(columns):
                column = reader.take(4)
                if reader.number(1):
                    salt, code, value = reader.take(16), reader.take(1), reader.variable()
                    commit = H(b"stele1ce", salt, column, code, v32(value))
                    cells[int.from_bytes(column, "big")] = [code[0], value.hex()]
                else:
                    commit = reader.take(32)
                commits += column + commit
            row = H(b"stele1ro", struct.pack(">QIH", schema_tx, object, columns), commits)
            demand(row == row_commit, "row")
            fact |= {"schema_tx": schema_tx, "cells": cells}
    return fact


def verify(text, key, database):
    head, note = text.split("\n\n", 1)
    first, extra, index, *path = head.split("\n")
    demand(first == "c2sp.org/tlog-proof@v1", "first line")
    body, signature = note.split("\n\n")
    body += "\n"
    origin, size, root, rest = body.split("\n")
    size, root = int(size), base64.b64decode(root)
    name, _, public = key.split("+", 2)
    public = base64.b64decode(public)
    demand(origin == name and rest == "", "origin")
    dash, signer, blob = signature.rstrip("\n").split(" ")
    blob = base64.b64decode(blob)
    demand((dash, signer, blob[:4]) == ("—", name, H(name.encode(), b"\n", public)[:4]), "signature line")
    if Ed25519PublicKey:
        Ed25519PublicKey.from_public_bytes(public[1:]).verify(blob[4:], body.encode())

    reader = Reader(base64.b64decode(extra.removeprefix("extra "), validate=True))
    kind = reader.take(8)
    demand(kind in (b"stele1tp", b"stele1rp", b"stele1hp"), "kind")
    path = [base64.b64decode(line) for line in path]
    links = [link(reader, path if n == 0 else reader.path(), size, root, database) for n in range(reader.number(4))]
    demand(links[0]["tx_id"] == int(index.removeprefix("index ")), "index")
    descriptors = [link(reader, reader.path(), size, root, database) for _ in range(reader.number(4))]
    demand(not reader.data, "bytes after the end")
    for later, earlier in zip(links, links[1:]):
        demand(later["prev_tx"] == earlier["tx_id"] and later["key_commit"] == earlier["key_commit"], "chain")
    demand(kind != b"stele1hp" or links[-1]["prev_tx"] == 0, "history does not reach the insert")
    return {"kind": kind.decode(), "links": links, "descriptors": descriptors}


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    key, database = (folder / "key").read_text(), bytes.fromhex((folder / "database").read_text())
    facts = {file.name: verify(file.read_text(), key, database) for file in sorted(folder.glob("*.proof"))}
    demand(facts, "no proofs")
    print(json.dumps(facts))
