# plugins/integrity
