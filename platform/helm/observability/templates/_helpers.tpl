{{/*
The objects have the names of what they are, without the release's: there is one
Prometheus, one Alertmanager and one store of logs in a namespace, and people
type their addresses. Objects of the whole cluster have the namespace in theirs.
*/}}
{{- define "observability.clusterName" -}}
{{ .root.Release.Namespace }}-{{ .name }}
{{- end }}

{{/*
The name of the Prometheus and Alertmanager objects, from which the operator makes
those of StatefulSets and pods: prometheus-ballast-0.
*/}}
{{- define "observability.instance" -}}
ballast
{{- end }}

{{/*
Labels of the pods that the operator makes. They are its own and not of this
chart: (dict "name" "prometheus").
*/}}
{{- define "observability.operatedLabels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ include "observability.instance" . }}
app.kubernetes.io/managed-by: prometheus-operator
{{- end }}

{{/*
Where pods run. Nothing, not even a newline, when there is nothing to say.
*/}}
{{- define "observability.scheduling" -}}
{{- $fields := dict -}}
{{- with .Values.nodeSelector }}{{ $_ := set $fields "nodeSelector" . }}{{ end -}}
{{- with .Values.priorityClassName }}{{ $_ := set $fields "priorityClassName" . }}{{ end -}}
{{- if $fields }}{{ toYaml $fields }}{{ end -}}
{{- end }}

{{/*
Time that a scrape may take. The operator refuses one that is longer than the
interval, so a short interval alone must be enough to ask for.
*/}}
{{- define "observability.scrapeTimeout" -}}
{{- $interval := include "ballast.milliseconds" .Values.prometheus.scrapeInterval | int64 -}}
{{- if .Values.prometheus.scrapeTimeout -}}
{{- $timeout := include "ballast.milliseconds" .Values.prometheus.scrapeTimeout | int64 -}}
{{- if gt $timeout $interval -}}
{{ printf "prometheus.scrapeTimeout: %s is longer than prometheus.scrapeInterval, %s" .Values.prometheus.scrapeTimeout .Values.prometheus.scrapeInterval | fail }}
{{- end -}}
{{ .Values.prometheus.scrapeTimeout }}
{{- else -}}
{{ min (div (mul $interval 4) 5) 10000 }}ms
{{- end }}
{{- end }}

{{/*
What Prometheus scrapes beside what monitors name. Nothing when that is nothing.
*/}}
{{- define "observability.scrapes" -}}
{{- if .Values.cadvisor.enabled }}
{{- include "observability.cadvisorConfig" . }}
{{ end -}}
{{- if .Values.apiServer.enabled }}
{{- include "observability.apiServerConfig" . }}
{{ end -}}
{{- end }}

{{/*
The configuration of Alertmanager. By default that of the repository, which `alertmanager`
is a link to, with the webhook at the receivers of what is for people, and another for the watchdog.
*/}}
{{- define "observability.alertmanagerConfig" -}}
{{- if .Values.alertmanager.config -}}
{{- range list "webhookURL" "watchdogURL" -}}
{{- if get $.Values.alertmanager . -}}
{{ printf "alertmanager.%s: alertmanager.config is a whole configuration; write the webhook there" . | fail }}
{{- end -}}
{{- end -}}
{{ toYaml .Values.alertmanager.config }}
{{- else -}}
{{- $config := .Files.Get "alertmanager/alertmanager.yaml" | fromYaml -}}
{{- $hooks := dict "pages" .Values.alertmanager.webhookURL "tickets" .Values.alertmanager.webhookURL "watchdog" .Values.alertmanager.watchdogURL -}}
{{- range $receiver := $config.receivers -}}
{{- with get $hooks $receiver.name -}}
{{- /* The end of an alert that always fires is nothing to be told. */ -}}
{{- $_ := set $receiver "webhook_configs" (list (dict "url" . "send_resolved" (ne $receiver.name "watchdog"))) -}}
{{- end -}}
{{- end -}}
{{ toYaml $config }}
{{- end }}
{{- end }}

{{/*
TCP ports to which Alertmanager sends, as a JSON list.
*/}}
{{- define "observability.alertmanagerPorts" -}}
{{- $ports := .Values.alertmanager.egressPorts -}}
{{- range compact (list .Values.alertmanager.webhookURL .Values.alertmanager.watchdogURL) -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (eq $url.scheme "https" | ternary "443" "80") -}}
{{- $ports = append $ports (int $port) -}}
{{- end -}}
{{ $ports | uniq | toJson }}
{{- end }}

{{/*
Egress to the API server.
*/}}
{{- define "observability.apiServerEgress" -}}
- ports:
    {{- range .Values.networkPolicy.apiServerPorts }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end }}
