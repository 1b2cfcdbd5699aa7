# Argo CD of dev: one replica of each part.
module "argocd" {
  source           = "../../modules/argocd"
  environment      = "dev"
  cluster_secret   = data.terraform_remote_state.environment.outputs.cluster_secret
  highly_available = false
}

# What environments/dev made.
data "terraform_remote_state" "environment" {
  backend = "azurerm"
  config = merge(var.state, {
    container_name   = "tfstate"
    key              = "dev.tfstate"
    use_azuread_auth = true
    use_oidc         = true
  })
}
