# plugins/antivirus
