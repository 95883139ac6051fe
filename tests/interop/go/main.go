// Checks exported proofs with the code of Go's checksum database: golang.org/x/mod/sumdb/{note,tlog}.
//
// The folder given holds `key` (a verifier key), `N.proof` (c2sp.org/tlog-proof@v1 of a Stele transaction, row or
// history) and `A-B.consistency` (tlog-witness request bodies) beside `A.checkpoint`. Every proof must verify, and must
// not once its index, its record or its path is changed.
//
//	go run . DIR
//	GO111MODULE=off GOPATH=/usr/share/gocode go run main.go DIR    (Debian: golang-go, golang-golang-x-mod-dev)
package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	dir := os.Args[1]
	verifier, err := note.NewVerifier(read(dir, "key"))
	check(err)
	verifiers := note.VerifierList(verifier)
	checked := 0
	for _, file := range glob(dir, "*.proof") {
		checkProof(read(file), verifiers)
		checked++
	}
	for _, file := range glob(dir, "*.consistency") {
		size := strings.SplitN(filepath.Base(file), "-", 2)[0]
		checkConsistency(read(file), read(dir, size+".checkpoint"), verifiers)
		checked++
	}
	fmt.Println("checked", checked)
}

func checkProof(proof string, verifiers note.Verifiers) {
	head, signed, _ := strings.Cut(proof, "\n\n")
	lines := strings.Split(head, "\n")
	require(lines[0] == "c2sp.org/tlog-proof@v1", "first line")
	extra, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(lines[1], "extra "))
	check(err)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	check(err)
	// The extra line is tag 8, u32 count, and then the transaction record: the log's leaf.
	record := append([]byte(nil), extra[12:12+112]...)
	size, root := checkpoint(signed, verifiers)
	path := tlog.RecordProof(hashes(lines[3:]))
	verify := func(index int64, record []byte) error {
		return tlog.CheckRecord(path, size, root, index, tlog.RecordHash(record))
	}
	check(verify(index, record))
	require(verify((index+1)%size, record) != nil, "another index")
	record[111] ^= 1
	require(verify(index, record) != nil, "another record")
}

func checkConsistency(proof, old string, verifiers note.Verifiers) {
	head, signed, _ := strings.Cut(proof, "\n\n")
	lines := strings.Split(head, "\n")
	oldSize, oldRoot := checkpoint(old, verifiers)
	require(lines[0] == fmt.Sprintf("old %d", oldSize), "old size")
	size, root := checkpoint(signed, verifiers)
	path := tlog.TreeProof(hashes(lines[1:]))
	check(tlog.CheckTree(path, size, root, oldSize, oldRoot))
	if size > oldSize {
		oldRoot[0] ^= 1
		require(tlog.CheckTree(path, size, root, oldSize, oldRoot) != nil, "another old root")
	}
}

func checkpoint(signed string, verifiers note.Verifiers) (int64, tlog.Hash) {
	opened, err := note.Open([]byte(signed), verifiers)
	check(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return size, root
}

func hashes(lines []string) []tlog.Hash {
	var hashes []tlog.Hash
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		check(err)
		hashes = append(hashes, hash)
	}
	return hashes
}

func read(path ...string) string {
	bytes, err := os.ReadFile(filepath.Join(path...))
	check(err)
	return string(bytes)
}

func glob(dir, pattern string) []string {
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	check(err)
	require(len(files) > 0, "no "+pattern)
	return files
}

func require(condition bool, what string) {
	if !condition {
		check(fmt.Errorf("%s", what))
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAILED:", err)
		os.Exit(1)
	}
}
