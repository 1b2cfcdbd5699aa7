# Argo CD of prod: two replicas, spread over the zones. Applied from inside the network of prod: its
# API server is reachable from there only.
module "argocd" {
  source           = "../../modules/argocd"
  environment      = "prod"
  cluster_secret   = data.terraform_remote_state.environment.outputs.cluster_secret
  highly_available = true
}

# What environments/prod made.
data "terraform_remote_state" "environment" {
  backend = "azurerm"
  config = merge(var.state, {
    container_name   = "tfstate"
    key              = "prod.tfstate"
    use_azuread_auth = true
    use_oidc         = true
  })
}
