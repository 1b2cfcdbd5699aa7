# Versions and settings of the providers, for Argo CD in every environment.
terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    helm = {
      source  = "hashicorp/helm"
      version = "3.2.0"
    }
  }
}

# Whoever applies this is somebody of Entra ID: clusters have no local accounts, and no
# credential is in the state. The server id is that of AKS in every tenant.
provider "helm" {
  kubernetes = {
    host                   = data.terraform_remote_state.environment.outputs.api_server.host
    cluster_ca_certificate = base64decode(data.terraform_remote_state.environment.outputs.api_server.ca_certificate)

    exec = {
      api_version = "client.authentication.k8s.io/v1beta1"
      command     = "kubelogin"
      args        = ["get-token", "--login", "azurecli", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630"]
    }
  }
}
