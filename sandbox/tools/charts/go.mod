// Nothing here is built: these modules hold a chart and CRDs.
module sandbox/tools/charts

go 1.26.0

require (
	github.com/cert-manager/cert-manager v1.19.1
	sigs.k8s.io/gateway-api v1.5.1
)
