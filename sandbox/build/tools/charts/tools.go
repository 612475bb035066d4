//go:build tools

// Package tools names a small package of each module that sandbox/build/charts.py copies files from, so that `go mod tidy`
// keeps the module.
package tools

import _ "github.com/cert-manager/cert-manager/pkg/apis/acme"
