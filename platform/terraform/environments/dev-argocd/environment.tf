# Argo CD of dev: one replica of each part.
locals {
  environment      = "dev"
  highly_available = false
}
