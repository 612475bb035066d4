// Nothing here is built: this module holds CRDs. It stands alone, as the other charts' modules want a newer one than GKE
// brings.
module sandbox/build/tools/gateway-api

go 1.26.0

require sigs.k8s.io/gateway-api v1.5.1
