package web

// Table is one table of the page. What it shows is said by paths into the
// JSON of /api/v1/snapshot, so that the server and the script show the same.
type Table struct {
	ID, Title string
	// Note says what the figures are, in one sentence, where that is not plain.
	Note string
	// Collector is that without which there is no table; empty for one that
	// is always there.
	Collector string
	// List is the path of what there is one row of for each element. Without
	// it the rows are Rows.
	List string
	// Key is the path, in an element, of the names that tell elements apart.
	Key []string
	// Columns are those of a list, or the headings over the cells of Rows.
	Columns []Column
	Rows    []Row
	// Chart is the chart that can show the history of an element, and Series
	// are its series.
	Chart  string
	Series []string
	// Absent is what is shown instead of an empty list.
	Absent string
	// Fold is from how many rows on the table is folded.
	Fold int
}

// Column is a column of a list.
type Column struct {
	Title string
	Cell
}

// Row is a row of fixed cells.
type Row struct {
	Title string
	// Collector is that without which there is no row.
	Collector string
	Cells     []Cell
}

// Cell is one figure.
type Cell struct {
	Path   string
	Format Format
	// Series is the series of the history that has the figure, where Path
	// leads to a counter of which a rate is shown.
	Series string
	// Bar draws the figure, which is a percentage, too.
	Bar bool
}

// words says that the cell holds words rather than a figure.
func (c Cell) words() bool { return c.Format == Text || c.Format == Whose || c.Format == Bool }

// Tile is one of the figures on top.
type Tile struct {
	Title, Collector string
	Main             Cell
	// Detail is what stands below it, after Before.
	Before string
	Detail Cell
}

// Tiles returns what is on top of the page.
func Tiles() []Tile {
	return []Tile{
		{"Processors", "cpu", Cell{Path: "readings.cpu.data.percent.busy", Format: Percent, Bar: true}, "load ", Cell{Path: "readings.cpu.data.load.1m", Format: Number}},
		{"Memory", "memory", Cell{Path: "readings.memory.data.usedPercent", Format: Percent, Bar: true}, "available ", Cell{Path: "readings.memory.data.availableBytes", Format: Bytes}},
		{"Fullest file system", "disk", Cell{Path: "readings.disk.data.filesystems", Format: Fullest}, "tasks that waited for a disk ", Cell{Path: "readings.disk.data.pressure.some.percent10s", Format: Percent}},
		{"Disks read", "disk", Cell{Series: "disk.read_bytes_per_second", Format: Rate}, "written ", Cell{Series: "disk.written_bytes_per_second", Format: Rate}},
		{"Network in", "network", Cell{Series: "network.received_bytes_per_second", Format: Rate}, "out ", Cell{Series: "network.sent_bytes_per_second", Format: Rate}},
		{"Own cgroup", "cgroup", Cell{Path: "readings.cgroup.data.usedCores", Format: Number}, "cores; memory ", Cell{Path: "readings.cgroup.data.memory.usageBytes", Format: Bytes}},
	}
}

// Tables returns the tables of the page in their order.
func Tables() []Table {
	return []Table{hostAndCgroup(), memory(), filesystems(), disks(), interfaces(), processes(), cores(), system(), temperatures(), collectors(), unreadable(), scopes()}
}

func hostAndCgroup() Table {
	const cpu, memory, group = "readings.cpu.data.", "readings.memory.data.", "readings.cgroup.data."
	cells := func(host, own string, f Format) []Cell {
		return []Cell{{Path: host, Format: f}, {Path: own, Format: f}}
	}
	return Table{
		ID: "truths", Title: "Host and own cgroup", Collector: "cgroup",
		Note:    "The whole machine, and the control group that this monitor is in.",
		Columns: []Column{{Title: "Host"}, {Title: "Own cgroup"}},
		Rows: []Row{
			{Title: "Share of the processors, or of their limit", Cells: cells(cpu+"percent.busy", group+"cpuLimitUsedPercent", Percent)},
			{Title: "Processors busy, on average", Cells: cells("", group+"usedCores", Number)},
			{Title: "Limit of processors", Cells: cells("", group+"cpu.limit.cores", Number)},
			{Title: "Held back for the limit, in all", Cells: cells("", group+"cpu.limit.throttledSeconds", Seconds)},
			{Title: "Tasks that waited for a processor", Cells: cells(cpu+"pressure.some.percent10s", group+"cpu.pressure.some.percent10s", Percent)},
			{Title: "Memory used", Cells: cells(memory+"usedBytes", group+"memory.usageBytes", Bytes)},
			{Title: "Working set", Cells: cells("", group+"memory.workingSetBytes", Bytes)},
			{Title: "Size, or limit, of memory", Cells: cells(memory+"totalBytes", group+"memory.limit.bytes", Bytes)},
			{Title: "Share of it", Cells: cells(memory+"usedPercent", group+"memory.limit.usedPercent", Percent)},
			{Title: "Tasks that waited for memory", Cells: cells(memory+"pressure.some.percent10s", group+"memory.pressure.some.percent10s", Percent)},
			{Title: "OOM kills", Cells: cells("", group+"memory.events.oomKills", Count)},
		},
	}
}

func memory() Table {
	const m = "readings.memory.data."
	row := func(title, size, share string) Row {
		cells := []Cell{{Path: m + size, Format: Bytes}, {}}
		if share != "" {
			cells[1] = Cell{Path: m + share, Format: Percent, Bar: true}
		}
		return Row{Title: title, Cells: cells}
	}
	return Table{
		ID: "memory", Title: "Memory", Collector: "memory", Columns: []Column{{Title: "Size"}, {Title: "Share"}},
		Rows: []Row{
			row("Total", "totalBytes", ""), row("Used", "usedBytes", "usedPercent"), row("Available", "availableBytes", ""), row("Free", "freeBytes", ""),
			row("Page cache", "cachedBytes", ""), row("Buffers", "buffersBytes", ""), row("Swap", "swap.totalBytes", ""), row("Swap used", "swap.usedBytes", "swap.usedPercent"),
		},
	}
}

func filesystems() Table {
	return Table{
		ID: "filesystems", Title: "File systems", Collector: "disk", List: "readings.disk.data.filesystems", Key: []string{"mountpoint"}, Absent: "No file system is shown.",
		Columns: []Column{
			{"Mount point", Cell{Path: "mountpoint", Format: Text}},
			{"Used", Cell{Path: "usage.usedPercent", Format: Percent, Bar: true}},
			{"Used", Cell{Path: "usage.usedBytes", Format: Bytes}},
			{"Available", Cell{Path: "usage.availableBytes", Format: Bytes}},
			{"Size", Cell{Path: "usage.sizeBytes", Format: Bytes}},
			{"Inodes free", Cell{Path: "usage.inodesFree", Format: Count}},
			{"Type", Cell{Path: "type", Format: Text}},
			{"Device", Cell{Path: "device", Format: Text}},
			{"Read-only", Cell{Path: "readOnly", Format: Bool}},
			{"No figures because", Cell{Path: "error", Format: Text}},
		},
		Chart: "space", Series: []string{"disk.used_percent"}, Fold: 40,
	}
}

func disks() Table {
	return Table{
		ID: "disks", Title: "Disks", Collector: "disk", List: "readings.disk.data.devices", Key: []string{"name"}, Absent: "No disk was used yet.",
		Columns: []Column{
			{"Disk", Cell{Path: "name", Format: Text}},
			{"Read", Cell{Path: "read.bytes", Format: Rate, Series: "disk.read_bytes_per_second"}},
			{"Written", Cell{Path: "write.bytes", Format: Rate, Series: "disk.written_bytes_per_second"}},
			{"Reads since boot", Cell{Path: "read.requests", Format: Count}},
			{"Writes since boot", Cell{Path: "write.requests", Format: Count}},
			{"Read since boot", Cell{Path: "read.bytes", Format: Bytes}},
			{"Written since boot", Cell{Path: "write.bytes", Format: Bytes}},
			{"Busy since boot", Cell{Path: "busySeconds", Format: Seconds}},
			{"In progress", Cell{Path: "inProgress", Format: Count}},
		},
		Chart: "disk", Series: []string{"disk.read_bytes_per_second", "disk.written_bytes_per_second"}, Fold: 40,
	}
}

func interfaces() Table {
	return Table{
		ID: "interfaces", Title: "Network interfaces", Collector: "network", List: "readings.network.data.interfaces", Key: []string{"name"}, Absent: "There is no interface.",
		Columns: []Column{
			{"Interface", Cell{Path: "name", Format: Text}},
			{"Link", Cell{Path: "link.state", Format: Text}},
			{"Speed", Cell{Path: "link.speedBytesPerSecond", Format: Bits}},
			{"In", Cell{Path: "receive.bytes", Format: Rate, Series: "network.received_bytes_per_second"}},
			{"Out", Cell{Path: "transmit.bytes", Format: Rate, Series: "network.sent_bytes_per_second"}},
			{"In since boot", Cell{Path: "receive.bytes", Format: Bytes}},
			{"Out since boot", Cell{Path: "transmit.bytes", Format: Bytes}},
			{"Errors in", Cell{Path: "receive.errors", Format: Count}},
			{"Errors out", Cell{Path: "transmit.errors", Format: Count}},
			{"Dropped in", Cell{Path: "receive.dropped", Format: Count}},
			{"Dropped out", Cell{Path: "transmit.dropped", Format: Count}},
		},
		Chart: "network", Series: []string{"network.received_bytes_per_second", "network.sent_bytes_per_second"}, Fold: 40,
	}
}

func processes() Table {
	return Table{
		ID: "processes", Title: "Processes", Collector: "processes", List: "readings.processes.data.processes", Key: []string{"pid"}, Absent: "No process can be seen.",
		Note: "Those that use most of the processors, and of memory.",
		Columns: []Column{
			{"Name", Cell{Path: "comm", Format: Text}},
			{"Number", Cell{Path: "pid", Format: Plain}},
			{"User", Cell{Path: "uid", Format: Plain}},
			{"Processors used", Cell{Path: "usedCores", Format: Number}},
			{"Memory", Cell{Path: "memoryBytes", Format: Bytes}},
			{"Processor time", Cell{Path: "cpuSeconds", Format: Seconds}},
		},
	}
}

func cores() Table {
	percent := func(title, mode string) Column {
		return Column{title, Cell{Path: "percent." + mode, Format: Percent}}
	}
	return Table{
		ID: "cores", Title: "Processors, one by one", Collector: "cpu", List: "readings.cpu.data.cores", Key: []string{"id"}, Absent: "There is no processor.",
		Columns: []Column{
			{"Processor", Cell{Path: "id", Format: Text}},
			percent("Busy", "busy"), percent("User", "user"), percent("System", "system"),
			percent("Waits for disks", "iowait"), percent("Stolen", "steal"),
			{"Frequency", Cell{Path: "frequencyHertz", Format: Hertz}},
		},
		Chart: "cpu", Series: []string{"cpu.busy_percent"}, Fold: 17,
	}
}

func system() Table {
	const s = "readings.system.data."
	one := func(title, path string, f Format) Row {
		return Row{Title: title, Cells: []Cell{{Path: s + path, Format: f}}}
	}
	return Table{
		ID: "system", Title: "Machine", Collector: "system", Columns: []Column{{Title: "Value"}},
		Rows: []Row{
			one("Name", "hostname", Text), one("Kernel", "kernel.release", Text), one("Architecture", "kernel.machine", Text),
			one("Started", "bootTime", Moment), one("Up for", "bootTime", Ago),
			one("Open files", "fileHandles.allocated", Count), one("Open files, at most", "fileHandles.max", Count),
		},
	}
}

func temperatures() Table {
	return Table{
		ID: "temperatures", Title: "Temperatures", Collector: "system", List: "readings.system.data.temperatures", Key: []string{"chip", "sensor"}, Absent: "No sensor answers.",
		Columns: []Column{
			{"Sensor", Cell{Path: "label", Format: Text}},
			{"Driver", Cell{Path: "driver", Format: Text}},
			{"°C", Cell{Path: "celsius", Format: Number}},
			{"°C at most", Cell{Path: "maxCelsius", Format: Number}},
			{"°C critical", Cell{Path: "criticalCelsius", Format: Number}},
			{"Chip", Cell{Path: "chip", Format: Text}},
			{"Input", Cell{Path: "sensor", Format: Text}},
		},
		Fold: 40,
	}
}

func collectors() Table {
	return Table{
		ID: "collectors", Title: "Collectors", List: "readings.*|missing", Key: []string{"collector"}, Absent: "There is no collector.",
		Columns: []Column{
			{"Collector", Cell{Path: "collector", Format: Text}},
			{"State", Cell{Path: "state", Format: Text}},
			{"Age of the reading", Cell{Path: "sampledAt", Format: Ago}},
			{"Last error", Cell{Path: "error", Format: Text}},
			{"Of the monitor at", Cell{Path: "peer", Format: Text}},
		},
	}
}

func unreadable() Table {
	return Table{
		ID: "unreadable", Title: "What cannot be read", List: "readings.*.unreadable", Key: []string{"collector", "path"}, Absent: "Everything can be read.",
		Columns: []Column{
			{"File or mount", Cell{Path: "path", Format: Text}},
			{"Collector", Cell{Path: "collector", Format: Text}},
			{"Reason", Cell{Path: "reason", Format: Text}},
			{"Detail", Cell{Path: "detail", Format: Text}},
		},
		Fold: 40,
	}
}

func scopes() Table {
	return Table{
		ID: "scopes", Title: "Whose figures these are", List: "readings.*.scopes", Key: []string{"collector", "figures"}, Absent: "Nothing says that they are not the host's.",
		Columns: []Column{
			{"Figures", Cell{Path: "figures", Format: Text}}, {"Whose", Cell{Path: "host", Format: Whose}}, {"Why, and what to do", Cell{Path: "detail", Format: Text}},
		},
	}
}
