"""Issuers of funds: clients, workbook and XML readers, the parser of share counts."""
