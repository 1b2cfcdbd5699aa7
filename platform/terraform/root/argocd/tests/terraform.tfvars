state = {
  storage_account_name = "state"
  resource_group_name  = "rg"
}
