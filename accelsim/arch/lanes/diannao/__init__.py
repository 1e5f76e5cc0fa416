"""DianNao: a dense array of dot products (Chen et al., ASPLOS 2014)."""
