"""Looking inside: functions of a model and data that give plain numbers."""
