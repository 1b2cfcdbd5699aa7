# The first environment: small, in one zone, without an SLA. Faults are allowed.
module "environment" {
  source                  = "../../modules/environment"
  environment             = "dev"
  location                = var.location
  address_space           = "10.10.0.0/16"
  uptime_sla              = false
  private                 = false
  authorized_ip_ranges    = var.authorized_ip_ranges
  admin_group_object_ids  = var.admin_group_object_ids
  viewer_group_object_ids = var.viewer_group_object_ids
  zones                   = ["1"]
  faults_allowed          = true
  maintenance_day         = "Tuesday"
  log_retention_in_days   = 30
  log_daily_quota_gb      = 1
  monthly_budget          = var.monthly_budget
  budget_start_date       = var.budget_start_date
  receivers               = var.receivers
  registry                = var.registry
  gitops                  = var.gitops
  pipeline_connection     = var.pipeline_connection

  system_pool = {
    vm_size         = "Standard_D2ads_v5"
    min_count       = 1
    max_count       = 2
    os_disk_size_gb = 60
  }

  user_pool = {
    vm_size         = "Standard_D2ads_v5"
    min_count       = 1
    max_count       = 3
    os_disk_size_gb = 60
  }

  spot_max_count = 3
}
