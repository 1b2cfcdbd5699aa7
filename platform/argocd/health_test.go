package argocd

import (
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
	"sigs.k8s.io/yaml"
)

// An environment goes from wave to wave by what this says of its applications.
func TestAnApplicationIsHealthyWhenItIsAndWhatGitSays(t *testing.T) {
	script := setting(t, "argocd-cm")["resource.customizations.health.argoproj.io_Application"]
	// OLD is longer ago than anything is waited for, NEW is not.
	times := strings.NewReplacer(
		"OLD", time.Now().Add(-16*time.Minute).UTC().Format(time.RFC3339),
		"NEW", time.Now().Add(-14*time.Minute).UTC().Format(time.RFC3339),
	)
	const (
		late      = "for more than 15 minutes "
		pending   = "it is not what git says yet"
		unlike    = "it cannot be compared with git"
		retried   = "its sync failed, and is tried again"
		uncompare = "it was changed, and not compared yet"
	)
	// of is an application whose status speaks of the revision that it names.
	of := func(status string) string {
		return "spec: {source: {targetRevision: b}}, status: {" + status + ", sync: {status: Synced, comparedTo: {source: {targetRevision: b}}}}"
	}
	pushed := func(status string) string { return strings.Replace(of(status), "Synced", "OutOfSync", 1) }
	tests := map[string]struct {
		object          string
		status, message string
	}{
		"nobody has looked at it":               {"metadata: {name: x}", "Progressing", "not looked at yet"},
		"its status is empty":                   {"status: {}", "Progressing", "not looked at yet"},
		"its health is not known yet":           {"status: {sync: {status: Synced}}", "Progressing", "not looked at yet"},
		"it was not compared yet":               {"status: {health: {status: Healthy}}", "Progressing", "not looked at yet"},
		"its health has no status":              {of("health: {}"), "Progressing", ""},
		"it is healthy, but of an older push":   {pushed("health: {status: Healthy}"), "Progressing", pending},
		"it is healthy, and cannot be compared": {strings.Replace(of("health: {status: Healthy}"), "Synced", "Unknown", 1), "Progressing", pending},
		"it is healthy and what git says":       {of("health: {status: Healthy, lastTransitionTime: OLD}"), "Healthy", ""},
		"it comes along":                        {of("health: {status: Progressing, message: two of three}"), "Progressing", "two of three"},
		"it is broken":                          {of("health: {status: Degraded, message: no pod starts}"), "Degraded", "no pod starts"},
		"what is broken is of an older push":    {pushed("health: {status: Degraded}"), "Progressing", pending},
		"parts of it are missing":               {of("health: {status: Missing}"), "Missing", ""},
		"somebody holds it":                     {of("health: {status: Suspended}"), "Suspended", ""},
		"its health is unknown":                 {of("health: {status: Unknown}"), "Unknown", ""},

		"it was healthy before it was changed":          {strings.Replace(of("health: {status: Healthy}"), "b", "c", 1), "Progressing", uncompare},
		"it was broken before it was changed":           {strings.Replace(of("health: {status: Degraded}"), "b", "c", 1), "Progressing", uncompare},
		"it was healthy before it got a value":          {"spec: {source: {helm: {valuesObject: {a: {b: c}}}}}, status: {health: {status: Healthy}, sync: {status: Synced, comparedTo: {source: {helm: {valuesObject: {a: {}}}}}}}", "Progressing", uncompare},
		"it was healthy before it lost a value":         {"spec: {source: {helm: {valuesObject: {}}}}, status: {health: {status: Healthy}, sync: {status: Synced, comparedTo: {source: {helm: {valuesObject: {a: b}}}}}}", "Progressing", uncompare},
		"it was healthy before one of its sources":      {"spec: {sources: [{path: a}, {path: b}]}, status: {health: {status: Healthy}, sync: {status: Synced, comparedTo: {sources: [{path: a}]}}}", "Progressing", uncompare},
		"its sources are those that were compared":      {"spec: {sources: [{path: a}, {path: b}]}, status: {health: {status: Healthy}, sync: {status: Synced, comparedTo: {source: {repoURL: \"\"}, sources: [{path: a}, {path: b}]}}}", "Healthy", ""},
		"what is empty was left out of its status":      {"spec: {source: {path: a, helm: {skipCrds: false, values: \"\"}}}, status: {health: {status: Healthy}, sync: {status: Synced, comparedTo: {source: {path: a}}}}", "Healthy", ""},
		"it has come along for too long":                {of("health: {status: Progressing, message: two of three, lastTransitionTime: OLD}, operationState: {phase: Succeeded, startedAt: OLD}"), "Degraded", late + "Progressing: two of three"},
		"it has been held for too long":                 {of("health: {status: Suspended, lastTransitionTime: OLD}"), "Degraded", late + "Suspended: "},
		"it has come along since its last sync":         {of("health: {status: Progressing, lastTransitionTime: OLD}, operationState: {phase: Succeeded, startedAt: NEW}"), "Progressing", ""},
		"its sync failed, and is tried again":           {pushed("health: {status: Healthy}, operationState: {phase: Running, startedAt: NEW, retryCount: 1}"), "Degraded", retried},
		"its sync is tried for the first time":          {pushed("health: {status: Healthy}, operationState: {phase: Running, startedAt: NEW, retryCount: 0}"), "Progressing", pending},
		"its sync has just begun":                       {pushed("health: {status: Healthy}, operationState: {phase: Running, startedAt: NEW}"), "Progressing", pending},
		"its sync takes too long":                       {pushed("health: {status: Healthy}, operationState: {phase: Running, startedAt: OLD}"), "Degraded", late + "Progressing: " + pending},
		"its sync ended, and it is not what git says":   {pushed("health: {status: Healthy}, operationState: {phase: Failed, finishedAt: OLD}"), "Degraded", late + "Progressing: " + pending},
		"another sync begins":                           {pushed("health: {status: Healthy}, operationState: {phase: Failed, finishedAt: OLD}") + ", operation: {sync: {}}", "Progressing", pending},
		"it cannot be rendered":                         {pushed("health: {status: Healthy}, conditions: [{type: ComparisonError}]"), "Degraded", unlike},
		"it could not be rendered before it was mended": {strings.Replace(of("health: {status: Healthy}, conditions: [{type: ComparisonError}]"), "b", "c", 1), "Progressing", uncompare},
		"its project refuses it":                        {strings.Replace(of("health: {status: Unknown}, conditions: [{type: InvalidSpecError}]"), "b", "c", 1), "Degraded", unlike},
		"it has a condition that is no obstacle":        {of("health: {status: Healthy}, conditions: [{type: OrphanedResourceWarning, lastTransitionTime: OLD}]"), "Healthy", ""},
		"it is tried again with what it names":          {pushed("health: {status: Healthy}, operationState: {phase: Running, startedAt: NEW, retryCount: 1, operation: {sync: {source: {targetRevision: b}}}}"), "Degraded", retried},
		"it is tried again with what it named":          {"metadata: {name: x}, " + pushed("health: {status: Healthy}, operationState: {phase: Running, startedAt: NEW, retryCount: 1, operation: {sync: {source: {targetRevision: a}}}}"), "Degraded", "it is tried again with a source that it no longer names; to end that: argocd app terminate-op x"},
		"it is synced for the first time, as it was":    {pushed("health: {status: Healthy}, operationState: {phase: Running, startedAt: NEW, operation: {sync: {source: {targetRevision: a}}}}"), "Progressing", pending},
		"somebody syncs it by hand, with no source":     {pushed("health: {status: Healthy}, operationState: {phase: Running, startedAt: NEW, retryCount: 1, operation: {sync: {revision: b}}}"), "Degraded", retried},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var object map[string]any
			if err := yaml.UnmarshalStrict([]byte("{"+times.Replace(tt.object)+"}"), &object); err != nil {
				t.Fatal(err)
			}
			status, message := health(t, script, object)
			if status != tt.status || message != tt.message {
				t.Errorf("it is %s (%s), want %s (%s)", status, message, tt.status, tt.message)
			}
		})
	}
}

// health runs a script as Argo CD does: with the object in obj, without Lua's libraries but
// those of tables and of what is built in, and of os only what says the time, when it is
// asked for.
func health(t *testing.T, script string, object map[string]any) (status, message string) {
	t.Helper()
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	l.SetContext(t.Context())
	for _, lib := range []struct {
		name string
		open lua.LGFunction
	}{{lua.LoadLibName, lua.OpenPackage}, {lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}, {lua.OsLibName, lua.OpenOs}} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(lib.open), Protect: true}, lua.LString(lib.name)); err != nil {
			t.Fatal(err)
		}
	}
	whole, safe := l.GetGlobal(lua.OsLibName), l.NewTable()
	for _, name := range []string{"time", "date"} {
		safe.RawSetString(name, l.GetField(whole, name))
	}
	l.SetGlobal(lua.OsLibName, lua.LNil)
	l.SetField(l.GetField(l.GetGlobal("package"), "loaded"), lua.OsLibName, safe)
	l.SetGlobal("obj", luaValue(l, object))
	if err := l.DoString(script); err != nil {
		t.Fatal(err)
	}
	table, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		t.Fatalf("it returns a %s, want a table", l.Get(-1).Type())
	}
	text := func(key string) string {
		value := table.RawGetString(key)
		if value == lua.LNil {
			return ""
		}
		return value.String()
	}
	return text("status"), text("message")
}

// luaValue is what an object has: tables, lists, words, numbers, and yes or no.
func luaValue(l *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case string:
		return lua.LString(value)
	case bool:
		return lua.LBool(value)
	case float64:
		return lua.LNumber(value)
	case []any:
		table := l.NewTable()
		for _, v := range value {
			table.Append(luaValue(l, v))
		}
		return table
	case map[string]any:
		table := l.NewTable()
		for k, v := range value {
			table.RawSetString(k, luaValue(l, v))
		}
		return table
	default:
		return lua.LNil
	}
}
