"""The verbs of the command line, one module each; a module is loaded when its verb is called."""
