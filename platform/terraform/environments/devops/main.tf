module "devops" {
  source          = "../../modules/devops"
  project         = var.project
  source_url      = var.source_url
  connections     = var.connections
  approver_ids    = var.approver_ids
  prometheus_urls = var.prometheus_urls
  registry        = var.registry
  signing_key     = var.signing_key
}
