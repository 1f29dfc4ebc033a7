"""Intrinsic diversity (InDiv): states, log-determinant, score."""
