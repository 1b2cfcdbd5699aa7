output "connections" {
  description = "Issuer and subject of each connection, for environments/shared and the environments."
  value       = module.devops.connections
}
