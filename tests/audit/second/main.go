// A second implementation of what the audit log is made of: Go's, which verifies every download of a
// Go module (golang.org/x/mod/sumdb).
//
//	second check FOLDER VKEY...   goes over a log's folder: note, tiles, entries, proofs
//	second make SIZE SKEY         signs a tree of its own and proves out of it, as JSON
package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// folder reads tiles of a log's folder.
type folder string

func (f folder) Height() int                      { return height }
func (f folder) SaveTiles([]tlog.Tile, [][]byte)  {}
func (f folder) read(path string) ([]byte, error) { return os.ReadFile(filepath.Join(string(f), path)) }
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		// C2SP's paths are Go's without the height.
		data, err := f.read(strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

// entry is the next entry of a bundle, and the rest of the bundle.
func entry(bundle []byte) ([]byte, []byte) {
	size := int(binary.BigEndian.Uint16(bundle))
	return bundle[2 : 2+size], bundle[2+size:]
}

func check(path string, vkeys []string) {
	f := folder(path)
	var known []note.Verifier
	for _, vkey := range vkeys {
		verifier, err := note.NewVerifier(vkey)
		must(err)
		known = append(known, verifier)
	}
	data, err := f.read("checkpoint")
	must(err)
	signed, err := note.Open(data, note.VerifierList(known...))
	must(err)
	lines := strings.Split(signed.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, f)
	var bundle []byte
	for n := int64(0); n < size; n++ {
		if n%256 == 0 {
			tile := tlog.Tile{H: height, L: -1, N: n / 256, W: 256}
			if size-n < 256 {
				tile.W = int(size - n)
			}
			// Go calls entries data.
			bundle, err = f.read(strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1))
			must(err)
		}
		var one []byte
		one, bundle = entry(bundle)
		leaf := tlog.RecordHash(one)
		stored, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
		must(err)
		if stored[0] != leaf {
			must(fmt.Errorf("entry %d is not what its tile has", n))
		}
		if n%97 == 0 || n == size-1 {
			proof, err := tlog.ProveRecord(size, n, reader)
			must(err)
			must(tlog.CheckRecord(proof, size, root, n, leaf))
			tree, err := tlog.ProveTree(size, n+1, reader)
			must(err)
			old, err := tlog.TreeHash(n+1, reader)
			must(err)
			must(tlog.CheckTree(tree, size, root, n+1, old))
		}
	}
	fmt.Println(size)
}

// made is a tree as `make` prints it: signed, with proofs of every entry and every smaller tree.
type made struct {
	Note        []byte     `json:"note"`
	Roots       [][]byte   `json:"roots"`
	Leaves      [][]byte   `json:"leaves"`
	Inclusion   [][][]byte `json:"inclusion"`
	Consistency [][][]byte `json:"consistency"`
}

func raw(hashes []tlog.Hash) [][]byte {
	found := [][]byte{}
	for _, hash := range hashes {
		found = append(found, append([]byte(nil), hash[:]...))
	}
	return found
}

func build(size int64, skey string) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	var out made
	for n := int64(0); n < size; n++ {
		data := []byte(fmt.Sprintf("entry %d", n))
		hashes, err := tlog.StoredHashes(n, data, reader)
		must(err)
		stored = append(stored, hashes...)
		root, err := tlog.TreeHash(n+1, reader)
		must(err)
		out.Roots = append(out.Roots, raw([]tlog.Hash{root})...)
		out.Leaves = append(out.Leaves, raw([]tlog.Hash{tlog.RecordHash(data)})...)
	}
	for n := int64(0); n < size; n++ {
		proof, err := tlog.ProveRecord(size, n, reader)
		must(err)
		out.Inclusion = append(out.Inclusion, raw(proof))
		tree, err := tlog.ProveTree(size, n+1, reader)
		must(err)
		out.Consistency = append(out.Consistency, raw(tree))
	}
	signer, err := note.NewSigner(skey)
	must(err)
	root, err := tlog.TreeHash(size, reader)
	must(err)
	text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), size, root)
	out.Note, err = note.Sign(&note.Note{Text: text}, signer)
	must(err)
	must(json.NewEncoder(os.Stdout).Encode(out))
}

func main() {
	if os.Args[1] == "check" {
		check(os.Args[2], os.Args[3:])
		return
	}
	size, err := strconv.ParseInt(os.Args[2], 10, 64)
	must(err)
	build(size, os.Args[3])
}
