# Argo CD of prod: two replicas, spread over the zones. Applied from inside the network of prod: its
# API server is reachable from there only.
locals {
  environment      = "prod"
  highly_available = true
}
