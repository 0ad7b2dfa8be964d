import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { tablesContract } from '../../contracts/tables.js'

tablesContract({ name: 'memory', open: async () => createMemoryTables() })
