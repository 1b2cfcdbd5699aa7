# Argo CD, from the chart of argoproj/argo-helm.
locals {
  # The Argo CD that `make up` builds: platform/cluster/components/argo-cd/go.mod.
  argocd = "v3.5.7"

  # The newest chart whose Argo CD could be told without the chart's repository: v3.5.4, as
  # `helm list` shows it. Between v3.5.4 and v3.5.7, the manifests of Argo CD itself, its CRDs
  # included, differ in the image's tag only, so the chart runs v3.5.7 by that tag.
  chart = "10.10.0"
}

resource "helm_release" "this" {
  # Argo CD looks for its Redis and its repo server by names that begin like this: the
  # parameters that would name others are in argocd-cmd-params-cm, which has none.
  name       = "argocd"
  repository = "https://argoproj.github.io/argo-helm"
  chart      = "argo-cd"
  version    = local.chart
  values     = [yamlencode(local.values)]

  # The namespace is there already, with the settings of platform/argocd/bootstrap in it:
  # without argocd-cm, Argo CD never becomes ready, and `wait` waits in vain.
  namespace        = "argocd"
  create_namespace = false
  wait             = true
  timeout          = 600

  # An update that does not become ready is taken back.
  atomic      = true
  max_history = 5
}
