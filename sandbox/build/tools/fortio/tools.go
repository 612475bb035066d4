//go:build tools

// Package tools names the command that sandbox/build/programs.py builds, so that `go mod tidy` keeps what it needs.
package tools

import _ "fortio.org/fortio"
