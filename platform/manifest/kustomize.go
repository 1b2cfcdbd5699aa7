package manifest

import (
	"bytes"
	"fmt"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Kustomize returns what Argo CD's kustomize makes of a directory, in YAML documents: without
// plugins. Errors may have the path dir in their text.
func Kustomize(dir string) ([][]byte, error) {
	made, err := krusty.MakeKustomizer(&krusty.Options{LoadRestrictions: types.LoadRestrictionsRootOnly, PluginConfig: types.DisabledPluginConfig()}).
		Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, err
	}
	text, err := made.AsYaml()
	if err != nil {
		return nil, fmt.Errorf("write what kustomize made: %w", err)
	}
	return bytes.Split(text, []byte("\n---\n")), nil
}
