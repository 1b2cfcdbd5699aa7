# Like prod, so that what experiments show here holds there. Unlike prod, the pipeline's agents
# can reach the API server, and faults are allowed.
module "environment" {
  source                  = "../../modules/environment"
  environment             = "staging"
  location                = var.location
  address_space           = "10.20.0.0/16"
  uptime_sla              = true
  private                 = false
  authorized_ip_ranges    = var.authorized_ip_ranges
  admin_group_object_ids  = var.admin_group_object_ids
  viewer_group_object_ids = var.viewer_group_object_ids
  zones                   = ["1", "2", "3"]
  faults_allowed          = true
  maintenance_day         = "Wednesday"
  log_retention_in_days   = 30
  log_daily_quota_gb      = 5
  monthly_budget          = var.monthly_budget
  budget_start_date       = var.budget_start_date
  receivers               = var.receivers
  registry                = var.registry
  gitops                  = var.gitops
  pipeline_connection     = var.pipeline_connection

  system_pool = {
    vm_size         = "Standard_D2ads_v5"
    min_count       = 3
    max_count       = 4
    os_disk_size_gb = 60
  }

  user_pool = {
    vm_size         = "Standard_D4ads_v5"
    min_count       = 3
    max_count       = 6
    os_disk_size_gb = 100
  }

  spot_max_count = 6
}
