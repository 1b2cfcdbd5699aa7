package main

import "strings"

// logsVariable is the address of the store of logs as a browser reaches it.
const logsVariable = "logs"

// logsAddress is that of a forwarded port.
const logsAddress = "http://127.0.0.1:9428"

// detailLink leads to an SLO's own dashboard, at the same time and source.
func detailLink(name string) string {
	return "/d/" + uidDetail + "?var-slo=" + name + "&${" + datasourceVariable + ":queryparam}&${__url_time_range}"
}

// logsLink leads to the logs of a service's containers within the range of the dashboard.
func logsLink(service string) string {
	query := `{k8s.container.name="` + service + `"} _time:[${__from:date:iso}, ${__to:date:iso}]`
	return "${" + logsVariable + ":raw}/select/vmui/#/?query=" + strings.NewReplacer(" ", "%20", ",", "%2C", `{k`, "%7Bk", `"} `, "%22%7D%20", `="`, "%3D%22").Replace(query)
}
