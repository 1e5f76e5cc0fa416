"""DaDianNao: sixteen dense tiles behind eDRAM (Chen et al., MICRO 2014)."""
