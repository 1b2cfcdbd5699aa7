# Argo CD of staging: two replicas, as in prod.
module "argocd" {
  source           = "../../modules/argocd"
  environment      = "staging"
  cluster_secret   = data.terraform_remote_state.environment.outputs.cluster_secret
  highly_available = true
}

# What environments/staging made.
data "terraform_remote_state" "environment" {
  backend = "azurerm"
  config = merge(var.state, {
    container_name   = "tfstate"
    key              = "staging.tfstate"
    use_azuread_auth = true
    use_oidc         = true
  })
}
