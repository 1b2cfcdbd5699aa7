# Argo CD of staging: two replicas, as in prod.
locals {
  environment      = "staging"
  highly_available = true
}
