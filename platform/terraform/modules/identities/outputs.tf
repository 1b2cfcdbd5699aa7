output "client_ids" {
  description = "Client ids, for the annotation azure.workload.identity/client-id of each ServiceAccount."
  value       = { for name, identity in azurerm_user_assigned_identity.this : name => identity.client_id }
}
