// Stands for the library of the same name, see conntrack.go.
module github.com/mwitkow/go-conntrack

go 1.26.0
