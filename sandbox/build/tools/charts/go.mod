// Nothing here is built: this module holds a chart.
module sandbox/build/tools/charts

go 1.26.0

require github.com/cert-manager/cert-manager v1.21.2
