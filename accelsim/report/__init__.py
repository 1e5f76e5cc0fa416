"""How results are shown: tables, later plots and pages."""
