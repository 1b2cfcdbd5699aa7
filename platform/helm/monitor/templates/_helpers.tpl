{{/*
The name of the objects. Fifty characters leave room for what is appended.
*/}}
{{- define "monitor.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/*
The workloads as a YAML list: name, component and collectors of each.
*/}}
{{- define "monitor.workloads" -}}
{{- $name := include "monitor.fullname" . -}}
{{- $collectors := list "cpu" "memory" "disk" "network" -}}
{{- if eq .Values.mode "split" }}
{{- range $collectors }}
- {name: {{ $name }}-{{ . }}, component: {{ . }}, collectors: [{{ . }}]}
{{- end }}
{{- else }}
- {name: {{ $name }}, component: all, collectors: {{ concat $collectors (list "cgroup" "system") | toJson }}}
{{- end }}
{{- end }}

{{/*
Whether the workloads show each other's readings on their pages. Those of a
DaemonSet do not: behind a Service is any node, and a page is about one. Nor do those
that ask for a certificate, a password or a token, which they do not have themselves.
*/}}
{{- define "monitor.peers" -}}
{{- $open := not (or .Values.web.tlsSecret .Values.web.configSecret .Values.web.tokenSecret) }}
{{- if and $open (eq .Values.mode "split") (eq .Values.kind "Deployment") }}true{{ end }}
{{- end }}

{{/*
Seconds that draining takes at most, rounded up.
*/}}
{{- define "monitor.drainSeconds" -}}
{{- $ms := add (include "ballast.milliseconds" .Values.drain.pause) (include "ballast.milliseconds" .Values.drain.timeout) -}}
{{- div (add $ms 999) 1000 -}}
{{- end }}

{{- define "monitor.terminationGracePeriodSeconds" -}}
{{- $drain := include "monitor.drainSeconds" . | int -}}
{{- $grace := .Values.terminationGracePeriodSeconds | int -}}
{{- if eq $grace 0 -}}
{{ add $drain 2 }}
{{- else if lt $grace (add1 $drain | int) -}}
{{ printf "terminationGracePeriodSeconds: %d is too short: drain.pause (%s) and drain.timeout (%s) need at least %d" $grace .Values.drain.pause .Values.drain.timeout (add1 $drain) | fail }}
{{- else -}}
{{ $grace }}
{{- end }}
{{- end }}

{{/*
What a schema cannot say, as it is about two values at once.
*/}}
{{- define "monitor.validate" -}}
{{- if and (eq .Values.kind "DaemonSet") .Values.autoscaling.enabled -}}
{{ fail "autoscaling.enabled: a DaemonSet has as many pods as there are nodes; use kind Deployment" }}
{{- end }}
{{- if and .Values.textfileDir .Values.serviceMonitor.enabled (not .Values.serviceMonitor.node) -}}
{{ fail "textfileDir: its files are on /metrics/node alone, which nothing scrapes; set serviceMonitor.node" }}
{{- end }}
{{- if and .Values.web.https (not .Values.web.configSecret) -}}
{{ fail "web.https: without web.configSecret nothing says which certificate; give that, or web.tlsSecret alone" }}
{{- end }}
{{- if gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas) -}}
{{ printf "autoscaling.minReplicas: %v is more than autoscaling.maxReplicas, %v" .Values.autoscaling.minReplicas .Values.autoscaling.maxReplicas | fail }}
{{- end }}
{{- end }}

{{/*
The names that requests may have as Host: the four of a workload's Service, the
ingress's, and those of values: (dict "root" $ "name" NAME).
*/}}
{{- define "monitor.allowedHosts" -}}
{{- $namespaced := printf "%s.%s" .name .root.Release.Namespace -}}
{{- $names := list .name $namespaced (printf "%s.svc" $namespaced) (printf "%s.svc.%s" $namespaced .root.Values.clusterDomain) -}}
{{- if .root.Values.ingress.enabled }}{{ $names = append $names .root.Values.ingress.host }}{{ end -}}
{{- concat $names .root.Values.allowedHosts | uniq | join "," -}}
{{- end }}

{{/*
http or https: what the pods speak.
*/}}
{{- define "monitor.scheme" -}}
{{- ternary "https" "http" (or .Values.web.https (ne .Values.web.tlsSecret "")) -}}
{{- end }}

{{/*
The port of the Services, named like the scheme.
*/}}
{{- define "monitor.servicePort" -}}
{{- ternary "443" "80" (eq (include "monitor.scheme" .) "https") -}}
{{- end }}

{{/*
How Prometheus gets in, as part of an endpoint: TLS by the Service's name, as pods
are asked by their addresses, which no certificate has; and what it shows.
*/}}
{{- define "monitor.scrapeAccess" -}}
{{- $sm := .Values.serviceMonitor -}}
{{- $first := include "monitor.workloads" . | fromYamlArray | first -}}
{{- if eq (include "monitor.scheme" .) "https" }}
scheme: https
tlsConfig:
  {{- if $sm.tlsConfig }}
  {{- toYaml $sm.tlsConfig | nindent 2 }}
  {{- else }}
  serverName: {{ $first.name }}.{{ .Release.Namespace }}.svc
  {{- with .Values.web.tlsSecret }}
  ca: {secret: {name: {{ . }}, key: ca.crt}}
  {{- end }}
  {{- end }}
{{- end }}
{{- if $sm.basicAuth }}
basicAuth:
  {{- toYaml $sm.basicAuth | nindent 2 }}
{{- else if $sm.authorization }}
authorization:
  {{- toYaml $sm.authorization | nindent 2 }}
{{- else if .Values.web.tokenSecret }}
authorization:
  credentials: {name: {{ .Values.web.tokenSecret }}, key: token}
{{- end }}
{{- end }}

{{/*
The names of the Secrets in that, as a YAML list.
*/}}
{{- define "monitor.scrapeSecrets" -}}
{{- $access := include "monitor.scrapeAccess" . | fromYaml -}}
{{- $paths := list
  (list "tlsConfig" "ca" "secret") (list "tlsConfig" "cert" "secret") (list "tlsConfig" "keySecret")
  (list "basicAuth" "username") (list "basicAuth" "password") (list "authorization" "credentials")
-}}
{{- $names := list -}}
{{- range $paths }}
{{- $at := $access }}
{{- range append . "name" }}
{{- $at = ternary (get (default dict $at) .) nil (kindIs "map" $at) }}
{{- end }}
{{- if $at }}{{ $names = append $names $at }}{{ end }}
{{- end }}
{{- $names | uniq | sortAlpha | toYaml }}
{{- end }}
