output "connections" {
  description = "Issuer and subject of each connection, for the federated credential of its identity."
  value = {
    for name, connection in azuredevops_serviceendpoint_azurerm.this : name => {
      issuer  = connection.workload_identity_federation_issuer
      subject = connection.workload_identity_federation_subject
    }
  }
}
