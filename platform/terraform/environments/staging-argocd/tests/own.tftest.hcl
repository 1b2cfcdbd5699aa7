# What Argo CD promises in this environment, beyond what modules/argocd promises everywhere.
mock_provider "helm" {
  override_during = plan
}

override_data {
  target          = data.terraform_remote_state.environment
  override_during = plan
  values = {
    outputs = {
      api_server = {
        host           = "https://api.example:443"
        ca_certificate = "Q0E="
      }
      cluster_secret = <<-EOT
        metadata:
          name: in-cluster
          labels: {ballast.dev/environment: staging}
          annotations: {ballast.dev/registry: registry.example}
      EOT
    }
  }
}

run "argo_cd_gets_what_it_reads" {
  command = plan

  assert {
    condition     = module.argocd.properties.secrets[0].metadata.labels["ballast.dev/environment"] == "staging"
    error_message = "The cluster's Secret names another environment."
  }
}

run "it_survives_what_it_promises_to" {
  command = plan

  assert {
    condition     = module.argocd.properties.replicas.server == 2
    error_message = "Argo CD has another number of replicas than promised."
  }
}
