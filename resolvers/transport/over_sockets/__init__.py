"""Operations over sockets, in both protocols that clients speak."""
