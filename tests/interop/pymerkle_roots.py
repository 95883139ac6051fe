"""Roots and audit paths by the package `pymerkle` (7.x), compared with ours: optional, run by hand or in CI.

    pip install pymerkle && python3 pymerkle_roots.py DIR

DIR holds `leaves` (hex, a leaf a line), `roots` (hex, of every size from 1) and `paths` (hex, the audit path of each leaf
in the whole tree, separated by spaces).
"""
import pathlib, sys
from pymerkle import InmemoryTree, verify_inclusion

folder = pathlib.Path(sys.argv[1])
leaves = [bytes.fromhex(line) for line in (folder / "leaves").read_text().split("\n")[:-1]]
roots = [bytes.fromhex(line) for line in (folder / "roots").read_text().split()]
paths = [[bytes.fromhex(hash) for hash in line.split()] for line in (folder / "paths").read_text().split("\n")[:-1]]
tree = InmemoryTree(algorithm="sha256")
for size, (leaf, root) in enumerate(zip(leaves, roots), 1):
    tree.append_entry(leaf)
    assert tree.get_root(size) == root, f"root of size {size}"
for index, path in enumerate(paths, 1):
    proof = tree.prove_inclusion(index, len(leaves))
    # Its path starts with the leaf itself.
    theirs = proof.serialize()["path"][1:]
    assert [bytes.fromhex(hash) for hash in theirs] == path, f"path of leaf {index - 1}"
    verify_inclusion(tree.get_leaf(index), tree.get_root(), proof)
print("checked", len(leaves))
