{{/*
What every chart here needs. Each chart links this file into its templates, so
that there is one text and no dependency to fetch before a chart renders.
*/}}

{{/*
Labels of an object: (dict "root" $ "name" NAME "component" COMPONENT).
*/}}
{{- define "ballast.labels" -}}
{{- $own := dict
  "app.kubernetes.io/name" .name
  "app.kubernetes.io/instance" .root.Release.Name
  "app.kubernetes.io/component" .component
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/part-of" "ballast"
  "app.kubernetes.io/managed-by" .root.Release.Service
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_")
-}}
{{- merge $own .root.Values.extraLabels | toYaml }}
{{- end }}

{{/*
Labels by which pods are selected, and which therefore never change:
(dict "root" $ "name" NAME "component" COMPONENT). Without a component they
select the pods of all of them.
*/}}
{{- define "ballast.selectorLabels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with get . "component" }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/*
Labels of a pod: (dict "root" $ "name" NAME "component" COMPONENT), and "extra"
for a pod's own. Versions are not among them: a new version of a chart that
changes nothing of the pod must not restart it.
*/}}
{{- define "ballast.podLabels" -}}
{{- $own := include "ballast.selectorLabels" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/part-of" "ballast" -}}
{{- merge $own (get . "extra" | default dict) .root.Values.extraLabels | toYaml }}
{{- end }}

{{/*
An image reference: (dict "image" VALUE "path" "where the value is"). The digest
wins, as it alone says what will run.
*/}}
{{- define "ballast.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else if .image.tag -}}
{{ .image.repository }}:{{ .image.tag }}
{{- else -}}
{{ printf "%s: give %s.digest, or %s.tag: what runs has to be pinned" .path .path .path | fail }}
{{- end }}
{{- end }}

{{/*
The pod's security context: never root, and the runtime's system call filter.
The group also owns the pod's volumes, so that they can be written.
*/}}
{{- define "ballast.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/*
A container's security context: no way to gain a privilege, nothing to write to
but volumes.
*/}}
{{- define "ballast.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/*
A duration of one unit, such as 500ms, 15s or 1m, in milliseconds.
*/}}
{{- define "ballast.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 -}}
{{- mul (regexFind "^[0-9]+" . | int64) (get $units (regexFind "[a-z]+$" .)) -}}
{{- end }}

{{/*
Egress to the cluster's DNS: a list of peers. Both protocols, as answers that do
not fit into a datagram are asked for again over TCP.
*/}}
{{- define "ballast.dnsEgress" -}}
- to:
    {{- toYaml . | nindent 4 }}
  ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end }}

{{/*
Limits of a ServiceMonitor or PodMonitor of an API version: Azure's managed Prometheus drops
what is beyond these, and asks for them in each monitor.
*/}}
{{- define "ballast.scrapeLimits" -}}
{{- if hasPrefix "azmonitoring.coreos.com/" . }}
labelLimit: 63
labelNameLengthLimit: 511
labelValueLengthLimit: 1023
{{- end }}
{{- end }}

{{/*
The peer that scrapes: the Prometheus of a namespace.
*/}}
{{- define "ballast.prometheusPeer" -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . }}
  podSelector:
    matchLabels:
      app.kubernetes.io/name: prometheus
{{- end }}
