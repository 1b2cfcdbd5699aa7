#!/bin/sh
# judged.sh TITLE tells Azure Pipelines what the exit code in out/exit means. Failed (1, and 4
# and 5 of experiments) is red. Could not be judged (3) is amber, and the stages after it do not
# run: it is not a pass, and not a mistake in the change either. Everything else, and no exit
# code at all, is an error of the pipeline.
title=$1
code=$(cat out/exit 2>/dev/null)
case "$code" in
3)
  echo "##vso[task.setvariable variable=verdict;isOutput=true]not judged"
  echo "##vso[task.logissue type=warning]$title: it could not be judged, for the reason above. Nothing is published or promoted; run it again when the reason is gone."
  echo "##vso[build.addbuildtag]not-judged"
  echo "##vso[task.complete result=SucceededWithIssues;]not judged"
  exit 0
  ;;
1 | 4 | 5)
  echo "##vso[task.logissue type=error]$title: failed, exit code $code."
  echo "##vso[build.addbuildtag]failed"
  exit 1
  ;;
*)
  echo "##vso[task.logissue type=error]$title: an error of the pipeline or its input, exit code ${code:-unknown}."
  exit 1
  ;;
esac
