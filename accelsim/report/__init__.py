"""How results are shown: tables, files, figures and pages."""
