# plugins/patch
