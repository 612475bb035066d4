//go:build tools

// Package tools names a small package of the module that sandbox/build/charts.py copies files from, so that `go mod tidy`
// keeps the module.
package tools

import _ "sigs.k8s.io/gateway-api/pkg/consts"
