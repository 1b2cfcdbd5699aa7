# Values of the chart.
locals {
  replicas = var.highly_available ? 2 : 1

  # A drain leaves one of two.
  pdb = { enabled = var.highly_available, maxUnavailable = 1 }

  # Redis and the controller of ApplicationSets have probes that the chart leaves off.
  probe = { enabled = true }

  resources = { for name, r in local.sizes : name => {
    requests = { cpu = r.cpu, memory = r.memory }
    limits   = { cpu = r.cpu_limit, memory = r.memory_limit }
  } }
  sizes = {
    controller     = { cpu = "250m", memory = "512Mi", cpu_limit = "1", memory_limit = "1Gi" }
    repoServer     = { cpu = "100m", memory = "256Mi", cpu_limit = "1", memory_limit = "1Gi" }
    applicationSet = { cpu = "50m", memory = "128Mi", cpu_limit = "500m", memory_limit = "256Mi" }
    server         = { cpu = "50m", memory = "128Mi", cpu_limit = "500m", memory_limit = "256Mi" }
    redis          = { cpu = "50m", memory = "64Mi", cpu_limit = "200m", memory_limit = "256Mi" }
    once           = { cpu = "50m", memory = "64Mi", cpu_limit = "100m", memory_limit = "128Mi" }
  }

  values = {
    global = {
      image = { tag = local.argocd }
      # Argo CD runs beside what the cluster itself needs, so that applications that fill their
      # nodes do not stop what deploys their fix. Where there is no room it runs among them.
      tolerations = [{ key = "CriticalAddonsOnly", operator = "Exists", effect = "NoSchedule" }]
      affinity = {
        podAntiAffinity = "soft"
        nodeAffinity = {
          type             = "soft"
          matchExpressions = [{ key = "kubernetes.azure.com/mode", operator = "In", values = ["system"] }]
        }
      }
      topologySpreadConstraints = var.highly_available ? [{
        maxSkew           = 1
        topologyKey       = "topology.kubernetes.io/zone"
        whenUnsatisfiable = "ScheduleAnyway"
      }] : []
      securityContext = {
        runAsNonRoot   = true
        runAsUser      = 999
        seccompProfile = { type = "RuntimeDefault" }
      }
    }

    configs = {
      # platform/argocd/bootstrap has these.
      cm     = { create = false }
      params = { create = false }
      rbac   = { create = false }
      # What is no hash of bcrypt fits no password, and because something is there, Argo CD makes
      # up none: nobody logs in as admin.
      secret = {
        argocdServerAdminPassword      = "!"
        argocdServerAdminPasswordMtime = "2026-12-01T00:00:00Z"
      }
    }

    # The Secret of the cluster, as it is: the ApplicationSets read its annotations.
    extraObjects = [yamldecode(var.cluster_secret)]

    # One: a second one would take over some of the clusters, and there is one cluster.
    controller = {
      replicas  = 1
      resources = local.resources.controller
    }
    repoServer = {
      replicas  = local.replicas
      pdb       = local.pdb
      resources = local.resources.repoServer
      copyutil  = { resources = local.resources.once }
    }
    applicationSet = {
      replicas       = local.replicas
      pdb            = local.pdb
      resources      = local.resources.applicationSet
      readinessProbe = local.probe
      livenessProbe  = local.probe
    }
    # Webhooks arrive here.
    server = {
      replicas  = local.replicas
      pdb       = local.pdb
      resources = local.resources.server
      service   = { type = "ClusterIP" }
    }
    # A cache, so one: Argo CD fills it again. Three of them would need a parameter in
    # argocd-cmd-params-cm that no other cluster has.
    redis = {
      resources      = local.resources.redis
      readinessProbe = local.probe
      livenessProbe  = local.probe
    }
    redisSecretInit = { resources = local.resources.once }

    dex           = { enabled = false }
    notifications = { enabled = false }
  }
}
