"""Operations over HTTP: one request, one answer."""
